"""Fxiaoke (纷享销客) over its open interface; see README.md beside this file."""
