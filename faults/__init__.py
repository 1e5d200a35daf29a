"""What happens when parts of the system fail: a load with a seed, one fault a run, and then every store is compared with the others."""
