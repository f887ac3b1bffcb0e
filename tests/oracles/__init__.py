"""Independent answers, in NumPy and SciPy alone, that tests of the system are measured against."""
