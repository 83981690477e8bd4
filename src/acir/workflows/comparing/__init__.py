"""The runs of `acir compare`: pictures, one run in a process of its own, tuning, floors."""
