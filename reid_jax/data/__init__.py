"""Data sets: readers, Records, samplers, augmentation and batches."""
