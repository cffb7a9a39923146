// An S3 server for one bucket, over HTTP on a port of 127.0.0.1, which it prints: s3.js FOLDER BUCKET
const S3rver = require('s3rver');
const [, , directory, bucket] = process.argv;

new S3rver({ address: '127.0.0.1', port: 0, directory, silent: true, vhostBuckets: false, configureBuckets: [{ name: bucket }] }).run((error, bound) => {
  if (error) throw error;
  console.log(bound.port);
});
