"""Pictures as SVG, made here: colours are the style sheet's, so light and dark are one picture.

Each picture has a title that says what it shows; what matters stands beside it as text, too.
"""
