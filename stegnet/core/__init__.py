"""The foundation of all packages: errors, parameters, measures, the keyed shuffle, compiled kernels."""
