"""What is measured against others: quality, time and memory, under one protocol."""
