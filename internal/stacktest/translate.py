"""Prints a SAM template as the CloudFormation that the SAM translator makes of it."""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")  # the translator asks for one and calls nobody

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file)
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":  # `sam package` puts the place of its upload there
        resource["Properties"]["CodeUri"] = {"Bucket": "bucket", "Key": resource["Properties"]["CodeUri"]}
print(json.dumps(Translator({}, Parser()).translate(template, {})))
