"""Answers to text: runs (`outputs`), lists, comparisons, gates, histories, pairs, progress."""
