const { createServer, get } = require('node:http');
const { createHash } = require('node:crypto');
const server = createServer((request, response) => response.end(`served ${request.url}`));
server.listen(0, '127.0.0.1', () => {
  get({ port: server.address().port, path: '/x' }, (response) => {
    response.on('data', (data) =>
      console.log(String(data), createHash('sha256').update(data).digest('hex').slice(0, 8)),
    );
    response.on('end', () => server.close());
  });
});
