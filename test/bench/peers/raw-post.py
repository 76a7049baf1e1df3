"""The body call of UploadGig as Python's requests makes it, and as the host's own sample does. raw-post.py URL FILE"""
import sys

import requests

with open(sys.argv[2], "rb") as body:
    print(requests.post(sys.argv[1], data=body, headers={"Slug": "f"}).json()["0"]["url"])
