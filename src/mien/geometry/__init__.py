"""Pure functions of geometry: rotation, camera, raster, mesh, head, fit."""
