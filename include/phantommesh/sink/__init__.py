"""What stands at the other end of the alert channels in a test; measuring equipment, not a part of the product.

It records every delivery as it comes, repeats too, before it answers. Must not live here: anything that makes the
platform look better, such as dropping repeats.
"""
