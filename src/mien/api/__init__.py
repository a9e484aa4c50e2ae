"""The verbs: `reading`, `editing`, `animating`, `capturing`, `generating`; `mien` itself exports them, each imported when first used."""
