"""Tests of StyleGAN2; a package, so that what makes the files of NVIDIA can be a module of its own."""
