"""Figures, drawn from values or from run directories alone.

plot.py            what every figure is: a document, a picture and words
svg.py             documents that a page with a strict policy can hold
series.py          values over numbers, or over named levels, with intervals
pareto.py          quality over cost
confusion.py       what is taken for what
epochs.py          a training's learning curves
learning_curve.py  quality over the number of training texts
"""
