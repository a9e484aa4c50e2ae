"""From landmarks to a head code: pose, identity, action units, emotions, and the statistics they rest on."""
