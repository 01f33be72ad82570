"""Array kernels over one person's ordered events."""
