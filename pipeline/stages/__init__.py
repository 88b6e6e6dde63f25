"""The stages of the mill, in the order in which data flows through them."""
