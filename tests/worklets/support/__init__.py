"""Helpers of the worklets' tests: jobs for Node, and the design of the resampler's low-pass."""
