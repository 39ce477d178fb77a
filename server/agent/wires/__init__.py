"""The server side of the vendors' protocols, one module each. A wire translates; it decides nothing about speech."""
