"""The encoding operator, the least-squares problem, and the algorithms that solve it."""
