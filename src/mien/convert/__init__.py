"""Published formats in: licensed or published files become what mien reads. The only place that opens foreign files of tensors."""
