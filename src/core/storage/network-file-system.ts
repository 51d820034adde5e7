/**
 * File systems whose data another machine, or another process, has to deliver: they can hang or die while mounted.
 */
const networkTypes: ReadonlySet<string> = new Set([
  '9p',
  'afs',
  'autofs',
  'beegfs',
  'ceph',
  'cifs',
  'coda',
  'davfs',
  'fuse',
  'gfs2',
  'glusterfs',
  'lustre',
  'ncpfs',
  'nfs',
  'nfs4',
  'ocfs2',
  'orangefs',
  'pvfs2',
  'smb2',
  'smb3',
  'smbfs',
  'virtiofs',
  'vboxsf',
]);

/**
 * Every `fuse.*` counts as a network file system, whatever it serves: it lives and dies with its daemon. `fuseblk`
 * (NTFS and exFAT on a local disk) counts as local; so does every type that is not known here.
 */
export function isNetworkFileSystem(fstype: string): boolean {
  return networkTypes.has(fstype) || fstype.startsWith('fuse.');
}
