import hashlib
import importlib.metadata
import json


def greet(name: str) -> str:
    version = importlib.metadata.version("greeting")
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return json.dumps({"hello": name, "version": version, "digest": digest})
