// embed.js REPO HOST CACHE LOCAL SENTENCE: embeds a sentence with the model REPO of HOST, and with the one that lies in the folder LOCAL.
const path = require("path")
const {env, pipeline} = require("@huggingface/transformers")
const [repo, host, cache, local, sentence] = process.argv.slice(2)

async function embed(model) {
	const extract = await pipeline("feature-extraction", model, {dtype: "q8"})
	return Array.from((await extract(sentence, {pooling: "mean", normalize: true})).data)
}

async function both() {
	Object.assign(env, {remoteHost: host, cacheDir: cache, allowLocalModels: false})
	const remote = await embed(repo)
	Object.assign(env, {allowLocalModels: true, allowRemoteModels: false, localModelPath: path.dirname(local)})
	return {remote, local: await embed(path.basename(local))}
}

both().then(told => console.log(JSON.stringify(told)))
