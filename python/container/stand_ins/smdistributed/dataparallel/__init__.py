"""Data parallel training by PyTorch's own collectives."""
