"""What the platform is compared with: the design that a competent team writes first, and the database's own limit.

Must not live here: anything of the platform's code. Only its database server and its sink are shared.
"""
