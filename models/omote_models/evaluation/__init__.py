"""How right the estimates are, on labelled pictures: samples, answers, figures, a report."""
