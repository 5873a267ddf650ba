"""Random matrix theory for machine learning: laws, equivalents and checks.

Data matrices are (p, n) with samples in columns. Importing the package does
not import torch.
"""

from rmtlib import free as free
