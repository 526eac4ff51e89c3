"""The scikit-learn face: `from rnnlab import TextClassifier`."""
