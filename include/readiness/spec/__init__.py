"""What users write, read into the model: YAML files in, frozen values or every problem at once out.

Lives here: reading YAML with line numbers, and turning the model's complaints into problems with file and line.
Must not live here: rules about what is legal (those are the model's), and any use of a scenario. The only package
of the engine that imports yaml.
"""
