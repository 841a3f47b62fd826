"""The MRD streaming protocol, which scanners and Gadgetron speak."""
