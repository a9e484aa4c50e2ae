"""The verbs: `reading`, `editing`, `animating`, `capturing`; `mien` itself exports them, each imported when first used."""
