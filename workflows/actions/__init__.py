"""What people do, and what follows: one module a noun, one function a verb. None commits."""
