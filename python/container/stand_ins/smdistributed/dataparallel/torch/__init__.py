"""The part of the library that is for PyTorch."""
