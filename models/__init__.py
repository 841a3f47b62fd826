"""Networks that reconstruct images, their building blocks, their weights, and the method that runs them."""
