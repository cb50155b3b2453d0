"""Discrete Facial Encoding: faces to a few discrete, reusable facial deformations a frame."""
