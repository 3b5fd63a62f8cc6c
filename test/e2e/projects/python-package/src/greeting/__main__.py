import sys

from greeting import greet

print(greet(*sys.argv[1:]))
