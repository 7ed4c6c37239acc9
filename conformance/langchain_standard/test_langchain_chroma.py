"""LangChain's standard tests of vector stores, sync and async, with langchain-chroma over HttpClient."""

import pytest
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests


class TestLangChainChroma(VectorStoreIntegrationTests):
    """The suite as it comes: nothing is switched off."""

    @pytest.fixture
    def vectorstore(self, chroma_client, fresh):
        store = Chroma(collection_name=fresh("langchain"), embedding_function=self.get_embeddings(), client=chroma_client)
        try:
            yield store
        finally:
            store.delete_collection()

    def test_delete_takes_a_filter_as_the_collection_does(self, vectorstore):
        pages = [Document(page_content=f"page {at}", metadata={"source": "web" if at % 2 else "scan"}) for at in range(6)]
        vectorstore.add_documents(pages, ids=[f"p{at}" for at in range(6)])
        vectorstore.delete(where={"source": "web"})
        assert sorted(vectorstore.get()["ids"]) == ["p0", "p2", "p4"]
        assert {document.id for document in vectorstore.similarity_search("page 1", k=10)} == {"p0", "p2", "p4"}
        vectorstore.delete(ids=["p0"], where={"source": "web"})
        assert sorted(vectorstore.get()["ids"]) == ["p0", "p2", "p4"]

    def test_reset_collection_leaves_an_empty_one(self, vectorstore):
        vectorstore.add_texts(["a", "b"])
        vectorstore.reset_collection()
        assert vectorstore.get()["ids"] == []
        assert vectorstore.similarity_search("a", k=2) == []
