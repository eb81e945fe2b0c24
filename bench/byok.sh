#!/usr/bin/env bash
# byok.sh VERSIONS NAME: imports new 256-bit keys into AWS KMS with the AWS CLI and openssl, as AWS documents it,
# and points alias/NAME to the last one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for ((version = 1; version <= $1; version++)); do
    openssl rand -out material 32
    id=$(aws kms create-key --origin EXTERNAL --query KeyMetadata.KeyId --output text)
    aws kms get-parameters-for-import --key-id "$id" --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096 \
        --query '[PublicKey,ImportToken]' --output text > parameters
    cut -f 1 parameters | base64 -d > wrapping.der
    cut -f 2 parameters | base64 -d > token
    openssl pkeyutl -encrypt -in material -out wrapped -inkey wrapping.der -keyform DER -pubin \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
    aws kms import-key-material --key-id "$id" --encrypted-key-material fileb://wrapped --import-token fileb://token \
        --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE > imported
    if ((version == 1)); then aws kms create-alias --alias-name "alias/$2" --target-key-id "$id"
    else aws kms update-alias --alias-name "alias/$2" --target-key-id "$id"; fi
done
