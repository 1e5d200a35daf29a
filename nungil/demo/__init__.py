"""The demo: real photographs out of installed packages, a catalogue drawn here, and a tour of what they give."""
