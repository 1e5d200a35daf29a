"""Nungil (눈길): self-hosted visual discovery. This package is the kit that every service stands on."""
