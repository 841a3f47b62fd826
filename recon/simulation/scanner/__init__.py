"""Raw data of any scanner, simulated on the fly from magnitude images of real anatomy."""
