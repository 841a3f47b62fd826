"""What changes the weights in a training: optimizers, their schedule, and the average of the weights."""
