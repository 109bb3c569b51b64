"""The words of the product as frozen values: scenario, objective, evidence, verdict, decision.

Lives here: pure values and the rules that need nothing but them (units, roll-up of verdicts, what evidence a
scenario implies).
Must not live here: input or output of any kind, clocks, randomness, or an import from another layer. Only the
standard library and pydantic; nothing heavy, since every command line call imports this package.
"""
