"""Changes the Regions of a multi-Region key by keymgmt, while boto3 uses it: before and after each change, every ciphertext of each
Region decrypts in every other one.
"""
import json, os, secrets, subprocess

HOME, EAST, EUROPE = 'us-west-1', 'us-east-1', 'eu-west-1'
PATH = 'keymgmt/kms/aws/key/app'

ROTATE = 'write -f keymgmt/key/app/rotate'

# Each change, with the Regions that the key is in after it, and the Region of its primaries.
CHANGES = [
    (f'write {PATH}/replicate regions={EAST}', (HOME, EAST), HOME),
    (f'write {PATH}/primary region={EAST}', (HOME, EAST), EAST),
    (f'write {PATH}/replicate regions={EUROPE}', (HOME, EAST, EUROPE), EAST),
    (ROTATE, (HOME, EAST, EUROPE), EAST),
    (f'write {PATH}/primary region={EUROPE}', (HOME, EAST, EUROPE), EUROPE),
    (f'delete {PATH}/replicate/{EAST}', (HOME, EUROPE), EUROPE),
    (ROTATE, (HOME, EUROPE), EUROPE),
    (f'write -f {PATH}/restore', (HOME, EAST, EUROPE), EUROPE),
    (f'write {PATH}/primary region={HOME}', (HOME, EAST, EUROPE), HOME),
    (f'delete {PATH}', (), None),
    (f'write -f {PATH}/restore', (HOME, EAST, EUROPE), HOME),
]


class Regions:
    """The key in AWS, as its users see it."""

    def __init__(self, run, dev, binary, home, rotation):
        self.run, self.binary, self.rotation, self.ciphertexts = run, binary, rotation, []
        self.env = {**dev.env, 'PATH': os.environ['PATH'], 'HOME': home, 'KEYMGMT_HOME': home}
        self.clients = {region: dev.client(region) for region in (HOME, EAST, EUROPE)}

    def check(self, what, right, found=None):
        self.run.check(f'Regions, rotation={self.rotation}: {what}', right, found)

    def keymgmt(self, line):
        ran = subprocess.run(['node', self.binary, *line.split(), '-format=json'], env=self.env, capture_output=True, text=True)
        self.check(f'keymgmt {line}', ran.returncode == 0, ran.stderr)
        return json.loads(ran.stdout or '{}').get('data')

    def create(self):
        self.keymgmt(f'write keymgmt/kms/aws provider=awskms key_collection={HOME}')
        self.keymgmt(f'write -f keymgmt/key/app type=aes256-gcm96 replica_regions={EAST},{EUROPE}')
        self.keymgmt(f'write {PATH} purpose=encrypt,decrypt rotation={self.rotation}')

    def change(self, line, regions, primary):
        self.keymgmt(line)
        if not regions:
            return
        state = self.keymgmt(f'read {PATH}')
        self.check(f'the Regions after {line}', sorted(state['regions']) == sorted(regions), state['regions'])
        self.check(f'the ARN after {line}', state['arn'].split(':')[3] == primary, state['arn'])
        for KeyId in set(state['versions'].values()):
            for region in regions:
                found = self.clients[region].describe_key(KeyId=KeyId)['KeyMetadata']['MultiRegionConfiguration']['PrimaryKey']['Region']
                self.check(f'the primary after {line}, seen in {region}', found == primary, found)
        for region in regions:
            text = secrets.token_bytes(16)
            made = self.clients[region].encrypt(KeyId=state['alias'], Plaintext=text)
            self.ciphertexts.append((region, text, made['CiphertextBlob'], made['KeyId'].split('/')[1]))
        self.decrypt(line, regions)
        self.keymgmt(f'read {PATH}/verify')

    def decrypt(self, after, regions):
        for region in regions:
            for made_in, text, blob, KeyId in self.ciphertexts:
                opened = self.clients[region].decrypt(KeyId=KeyId, CiphertextBlob=blob)
                self.check(f'ciphertext of {made_in} decrypts in {region} after {after}', opened['Plaintext'] == text, opened)


def change_regions(regions):
    regions.create()
    for line, wanted, primary in CHANGES:
        # AWS does not rotate in place while a replica that is pending deletion lacks the new material.
        if regions.rotation == 'alias' or line != ROTATE or EAST in wanted:
            regions.change(line, wanted, primary)
