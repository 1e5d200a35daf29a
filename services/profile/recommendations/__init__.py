"""What a person is shown without asking: what they may wish for, how that is mixed, and why each thing is there."""
