"""Rotates a multi-Region key in place, and holds AWS's promise for it: every ciphertext from before decrypts under the same ARN in
every Region.
"""
import json, os, secrets, subprocess, time

PRIMARY, REPLICA = 'us-east-1', 'eu-west-1'
ROTATIONS = 3


class Rotating:
    """One multi-Region KMS key in two Regions, as its users see it."""

    def __init__(self, run, dev, what):
        self.run, self.what = run, what
        self.clients = {region: dev.client(region) for region in (PRIMARY, REPLICA)}
        self.arns, self.ciphertexts = {}, []

    def check(self, what, right, found=None):
        self.run.check(f'{self.what}: {what}', right, found)

    def opened(self, KeyId):
        """Notes the ARNs. They must never change."""
        self.arns = {region: client.describe_key(KeyId=KeyId)['KeyMetadata']['Arn'] for region, client in self.clients.items()}

    def encrypt(self):
        for region, client in self.clients.items():
            text = secrets.token_bytes(16)
            self.ciphertexts.append((region, text, client.encrypt(KeyId=self.arns[region], Plaintext=text)['CiphertextBlob']))

    def decrypt(self, after):
        for region, client in self.clients.items():
            for made_in, text, blob in self.ciphertexts:
                opened = client.decrypt(KeyId=self.arns[region], CiphertextBlob=blob)
                self.check(f'ciphertext of {made_in} decrypts in {region} after rotation {after}', opened['Plaintext'] == text, opened)
                self.check(f'it decrypts under the same ARN in {region}', opened['KeyId'] == self.arns[region], opened['KeyId'])

    def materials(self, region):
        return self.clients[region].list_key_rotations(KeyId=self.arns[region], IncludeKeyMaterial='ALL_KEY_MATERIAL')['Rotations']

    def states(self, after):
        """All materials are imported everywhere, and the newest one is current."""
        expected = ['NON_CURRENT'] * after + ['CURRENT']
        ids = {}
        for region, client in self.clients.items():
            listed = self.materials(region)
            ids[region] = [row['KeyMaterialId'] for row in listed]
            self.check(f'{region} lists the materials after rotation {after}', [row['KeyMaterialState'] for row in listed] == expected, listed)
            self.check(f'{region} has the materials after rotation {after}', {row['ImportState'] for row in listed} == {'IMPORTED'}, listed)
            metadata = client.describe_key(KeyId=self.arns[region])['KeyMetadata']
            self.check(f'the newest material is current in {region}', metadata['CurrentKeyMaterialId'] == listed[-1]['KeyMaterialId'], metadata)
            done = client.list_key_rotations(KeyId=self.arns[region])['Rotations']
            self.check(f'{region} counts {after} rotations', [row['RotationType'] for row in done] == ['ON_DEMAND'] * after, done)
        self.check('the materials have the same ids in both Regions', ids[PRIMARY] == ids[REPLICA], ids)


class ByHand(Rotating):
    """AWS's own order of requests, which tests the embedded KMS itself."""

    def __init__(self, run, dev, wrap):
        super().__init__(run, dev, 'in place by hand')
        self.wrap = wrap

    def put(self, region, KeyId, material, **more):
        client = self.clients[region]
        given = client.get_parameters_for_import(KeyId=KeyId, WrappingAlgorithm='RSAES_OAEP_SHA_256', WrappingKeySpec='RSA_4096')
        return client.import_key_material(KeyId=KeyId, ImportToken=given['ImportToken'], EncryptedKeyMaterial=self.wrap(given['PublicKey'], material),
                                          ExpirationModel='KEY_MATERIAL_DOES_NOT_EXPIRE', **more)['KeyMaterialId']

    def create(self):
        KeyId = self.clients[PRIMARY].create_key(Origin='EXTERNAL', MultiRegion=True)['KeyMetadata']['KeyId']
        material = secrets.token_bytes(32)
        self.put(PRIMARY, KeyId, material)
        self.clients[PRIMARY].replicate_key(KeyId=KeyId, ReplicaRegion=REPLICA)
        until(lambda: self.clients[REPLICA].describe_key(KeyId=KeyId)['KeyMetadata']['KeyState'] == 'PendingImport')
        self.put(REPLICA, KeyId, material)
        self.opened(KeyId)

    def rotate(self, number):
        client, KeyId, material = self.clients[PRIMARY], self.arns[PRIMARY], secrets.token_bytes(32)
        id = self.put(PRIMARY, KeyId, material, ImportType='NEW_KEY_MATERIAL', KeyMaterialDescription=f'number {number}')
        for region in self.clients:
            newest = self.materials(region)[-1]
            self.check(f'{region} knows the new material', newest['KeyMaterialId'] == id and newest['KeyMaterialDescription'] == f'number {number}', newest)
            self.check(f'it waits in {region}', newest['KeyMaterialState'] == 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION', newest)
        self.refused('KMSInvalidStateException', client.rotate_key_on_demand, KeyId=KeyId)
        self.put(REPLICA, self.arns[REPLICA], material, ImportType='EXISTING_KEY_MATERIAL', KeyMaterialId=id)
        self.refused('UnsupportedOperationException', self.clients[REPLICA].rotate_key_on_demand, KeyId=self.arns[REPLICA])
        client.rotate_key_on_demand(KeyId=KeyId)
        until(lambda: 'OnDemandRotationStartDate' not in client.get_key_rotation_status(KeyId=KeyId))

    def refused(self, code, send, **request):
        from botocore.exceptions import ClientError
        try:
            send(**request)
            found = 'accepted'
        except ClientError as error:
            found = error.response['Error']['Code']
        self.check(f'{send.__name__} is {code}', found == code, found)


class ByKeymgmt(Rotating):
    """The same by keymgmt, while boto3 uses the KMS key."""

    def __init__(self, run, dev, binary, home):
        super().__init__(run, dev, 'in place by keymgmt')
        self.binary = binary
        self.env = {**dev.env, 'PATH': os.environ['PATH'], 'HOME': home, 'KEYMGMT_HOME': home}

    def keymgmt(self, line):
        ran = subprocess.run(['node', self.binary, *line.split(), '-format=json'], env=self.env, capture_output=True, text=True)
        self.check(f'keymgmt {line}', ran.returncode == 0, ran.stderr)
        return json.loads(ran.stdout or '{}').get('data')

    def create(self):
        self.keymgmt(f'write keymgmt/kms/aws provider=awskms key_collection={PRIMARY}')
        self.keymgmt(f'write -f keymgmt/key/app type=aes256-gcm96 replica_regions={REPLICA}')
        self.keymgmt('write keymgmt/kms/aws/key/app purpose=encrypt,decrypt rotation=in_place')
        self.keymgmt('write -f keymgmt/kms/aws/key/app/replicate')
        self.opened(self.keymgmt('read keymgmt/kms/aws/key/app')['versions']['1'])

    def rotate(self, number):
        self.keymgmt('write -f keymgmt/key/app/rotate')
        versions = self.keymgmt('read keymgmt/kms/aws/key/app')['versions']
        self.check(f'all versions have one KMS key after rotation {number}', list(versions.values()) == [self.arns[PRIMARY].split('/')[1]] * (number + 1), versions)
        described = self.materials(PRIMARY)[-1]['KeyMaterialDescription']
        self.check('the description of the material names its version', described.startswith(f'keymgmt:app/v{number + 1}/'), described)


def until(done):
    deadline = time.monotonic() + 30
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit('AWS KMS is still not ready after 30 s')
        time.sleep(0.05)


def rotate_in_place(rotating):
    rotating.create()
    rotating.states(0)
    for number in range(1, ROTATIONS + 1):
        rotating.encrypt()
        rotating.rotate(number)
        rotating.decrypt(number)
        rotating.states(number)
