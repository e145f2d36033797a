"""All code that faces hostile input: bounds, plain values, pickles, HDF5, JSON."""
