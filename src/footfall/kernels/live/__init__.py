"""Array kernels of the live path: state that is kept by key, and the loops over arriving records that change it."""
