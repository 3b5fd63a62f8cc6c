import express from 'express';

const app = express();
app.get('/greet/:name', (request, response) => {
  response.json({ hello: request.params.name, node: process.version, uid: process.getuid() });
});

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening on ${server.address().port}\n`);
});
process.on('SIGTERM', () => {
  process.stdout.write('closing\n');
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
