"""Run by client 9.0.1, whose HTTP library resolves `..` in a namespace's name: what its requests then do. Prints JSON."""

import json
import sys

from pinecone import Pinecone

base, name, victim, admin, data = sys.argv[1:6]
control = Pinecone(api_key=admin, host=f"{base}/pinecone")
index = Pinecone(api_key=data, host=f"{base}/pinecone").Index(host=control.describe_index(name).host)
seen = {}
for climb in ["..", "../..", "../../../indexes/" + victim, f"../../{victim}", "../../../pinecone", "../../../pinecone/indexes/" + victim]:
    try:
        index.delete_namespace(namespace=climb.replace("{victim}", victim))
        seen[climb.replace(victim, "victim")] = None
    except Exception as error:
        seen[climb.replace(victim, "victim")] = getattr(error, "status_code", getattr(error, "status", type(error).__name__))
seen["there"] = victim in [one.name for one in control.list_indexes()]
print(json.dumps(seen))
