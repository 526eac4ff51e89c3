"""`rnnlab bench`: speed of training and inference, beside what a user would pick instead."""
